"""The admin's screens, one file each; importing them registers them."""

from . import batches, boards, documents, orders, proof, rejected, runs, schedules, start

__all__ = ["batches", "boards", "documents", "orders", "proof", "rejected", "runs", "schedules", "start"]
