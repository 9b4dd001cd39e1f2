"""The earlier system's files -> drafts of documents: what is understood is translated, and the rest named by line."""
