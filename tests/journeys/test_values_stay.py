"""What orders say stands in the tables of orders and on their pages, and nowhere else."""

from __future__ import annotations

from pathlib import Path

from monday.sandbox.faults import Fault, FaultScript

from .typed import served

VALUE = "zQx 4711 for your eyes only"


def test_no_value_of_an_order_gets_into_logs_mails_or_the_list_of_api_calls(tmp_path: Path) -> None:
    """Not even where the board quotes one in its refusal."""
    quoting = Fault("field_limit", every=4, alias=0, code="ColumnValueException", message=f"invalid value: {VALUE}")
    with served(tmp_path, faults=FaultScript((quoting,))) as (installation, _):
        log = tmp_path / "ordersite.log"
        installation.extra = {"LOG_FILE": str(log), "LOG_LEVEL": "DEBUG", "NOTIFY_TO": "ops@example.com"}
        installation.run("load_demo_orders", "--rows", "40")
        installation.orders("UPDATE ORDERS_UNIFIED SET NOTES = ?", VALUE)
        installation.sync("--mode", "TEST", "--batch-size", "5", code=3)
        installation.orders("UPDATE ORDERS_UNIFIED SET NOTES = ?", VALUE + ", again")
        installation.sync("--mode", "TEST", "--batch-size", "5", code=3)
        [[held]] = installation.app("SELECT COUNT(*) FROM staging_stagedorder WHERE after LIKE ?", f"%{VALUE}%")
        [[refused]] = installation.app("SELECT COUNT(*) FROM staging_stagedorder WHERE state = 'rejected'")
        assert held and refused, "nothing was at stake"
        assert log.stat().st_size and VALUE not in log.read_text(encoding="utf-8")
        assert VALUE not in repr(installation.app("SELECT * FROM monday_apicall"))
        mails = list((tmp_path / "mail").iterdir())
        assert mails and not any(VALUE in mail.read_text(encoding="utf-8") for mail in mails)
