from django.apps import AppConfig


class StagingConfig(AppConfig):
    name = "staging"

    def ready(self) -> None:
        """Publishing asks here whether orders stand on a board: the app that does it knows of none."""
        from mapping.models import Document

        Document.holds_orders = staticmethod(_holds_orders)  # type: ignore[method-assign]


def _holds_orders(board: int) -> bool:
    """Whether records are linked to items of this board, or orders are on their way to it."""
    from .core.lifecycle import OPEN
    from .models import Snapshot, StagedOrder

    on_their_way = StagedOrder.objects.filter(board=board, state__in=sorted(OPEN))
    return Snapshot.objects.filter(board=board).exists() or on_their_way.exists()
