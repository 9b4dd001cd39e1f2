"""What waits or was declined before it was kept what the source said last: it is said by its staged order. A row that
could not be used is looked at again by the next run."""

from django.db import migrations

PAGE = 500
ON_THE_BOARD = ("applied", "undone", "kept", "superseded")


def fill(apps, schema_editor):
    orders = apps.get_model("staging", "StagedOrder").objects.filter(current=True)
    orders = orders.exclude(operation="remove").exclude(state__in=ON_THE_BOARD).order_by("pk")
    links = apps.get_model("staging", "Snapshot").objects
    last = 0
    while page := list(orders.filter(pk__gt=last)[:PAGE]):
        last = page[-1].pk
        known = {(link.board_id, link.record): link for link in links.filter(record__in=[one.record for one in page])}
        for one in page:
            link = known.get((one.board_id, one.record))
            if link is not None and link.key_hash != one.key_hash:
                link.said = [one.key, one.key_hash, one.order_fingerprint, one.mapping_key]
                link.save(update_fields=["said"])
    unused = apps.get_model("staging", "Seen").objects.filter(verdict__in=["invalid", "unknown_customer"])
    unused.filter(record__in=links.values("record")).update(source_fingerprint="")


class Migration(migrations.Migration):
    dependencies = [
        ("staging", "0024_said_of_links"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
