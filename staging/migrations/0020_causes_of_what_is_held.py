"""What is held or was refused before causes were kept has one too, so that it is counted and found."""

from django.db import migrations

from staging.core.causes import cause_of

PAGE = 500


def fill(apps, schema_editor):
    order = apps.get_model("staging", "StagedOrder")
    last = 0
    while page := list(order.objects.filter(pk__gt=last, problem__isnull=False).order_by("pk").only("problem")[:PAGE]):
        last = page[-1].pk
        by_cause = {}
        for one in page:
            by_cause.setdefault(cause_of(one.problem), []).append(one.pk)
        by_cause.pop("", None)
        for cause, ids in by_cause.items():
            order.objects.filter(pk__in=ids).update(cause=cause)


class Migration(migrations.Migration):
    dependencies = [
        ("staging", "0019_causes"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
