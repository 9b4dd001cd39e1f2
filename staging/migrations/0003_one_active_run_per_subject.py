"""A push and an undo of one batch exclude each other: a subject has one active run, of whatever kind."""

from django.db import migrations, models
from django.utils import timezone

ACTIVE = ["queued", "running"]


def keep_the_first(apps, schema_editor):
    """Stop the later one of two active runs of a subject, so that the constraint can be made."""
    runs = apps.get_model("staging", "SyncRun").objects.using(schema_editor.connection.alias)
    seen = set()
    for run in runs.filter(state__in=ACTIVE, subject__gt="").order_by("id"):
        if run.subject in seen:
            runs.filter(pk=run.pk).update(
                state="stopped", finished_at=timezone.now(), lease_owner="", lease_until=None,
                error="Another run of the same was under way already. Remedy: ask for it again.",
            )
        seen.add(run.subject)


class Migration(migrations.Migration):
    # SQLite rebuilds the table for a constraint, and PostgreSQL refuses that beside pending row changes.
    atomic = False
    dependencies = [("staging", "0002_jobs_and_rights")]

    operations = [
        migrations.RemoveConstraint(model_name="syncrun", name="one_active_run_per_subject"),
        migrations.RunPython(keep_the_first, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="syncrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["queued", "running"]), ("subject__gt", "")),
                fields=("subject",),
                name="one_active_run_per_subject",
            ),
        ),
    ]
