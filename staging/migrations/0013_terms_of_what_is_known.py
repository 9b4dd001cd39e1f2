"""What is known already is found by the search too: orders, linked records and rows that are not used."""

from django.db import migrations

from staging.core.terms import parts, terms

PAGE = 500


def fill(apps, schema_editor):
    order, snapshot, seen = (apps.get_model("staging", name) for name in ("StagedOrder", "Snapshot", "Seen"))
    for model, names in (
        (order, ("board_id", "record", "key", "link_key", "label")),
        (snapshot, ("board_id", "record", "key", "link_key")),
        (seen, ("board_id", "record", "key")),
    ):
        _fill(apps.get_model("staging", "Term"), model, names)


def _fill(term, model, names):
    last = 0
    while page := list(model.objects.filter(pk__gt=last).order_by("pk").values_list("pk", *names)[:PAGE]):
        last = page[-1][0]
        found = {}
        for _, board, record, key, *more in page:
            found.setdefault((board, record), set()).update(terms(parts(key), record, *more))
        known = set(
            term.objects.filter(record__in={record for _, record in found}).values_list("board_id", "record", "text")
        )
        rows = [
            term(board_id=board, record=record, text=text)
            for (board, record), texts in found.items()
            for text in sorted(texts)
            if (board, record, text) not in known
        ]
        term.objects.bulk_create(rows, batch_size=200)


class Migration(migrations.Migration):
    dependencies = [
        ("staging", "0012_terms_and_indexes"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
