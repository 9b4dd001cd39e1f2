"""`import_mapping FILE ...` of this installation: the mapping app's command, with the audit that stands above it."""

from __future__ import annotations

from mapping.management.commands import import_mapping
from staging.wiring import recorder


class Command(import_mapping.Command):
    recorder = staticmethod(recorder)
