from django.contrib.auth.management import create_permissions
from django.db import migrations

from ordersite import roles

APPS = ("staging", "mapping", "monday", "django_q", "auth", "admin")


def make_roles(apps, schema_editor):
    # Permissions are made after all migrations, and the roles need them now.
    for label in APPS:
        config = apps.get_app_config(label)
        config.models_module = True
        create_permissions(config, apps=apps, verbosity=0)
        config.models_module = None
    roles.establish(apps.get_model("auth", "Group"), apps.get_model("auth", "Permission"), later=True)


def remove_roles(apps, schema_editor):
    apps.get_model("auth", "Group").objects.filter(name__in=list(roles.ROLES)).delete()


class Migration(migrations.Migration):

    dependencies = [
        ("ordersite", "0001_worker_pulse"),
        ("staging", "0002_jobs_and_rights"),
        ("mapping", "0001_initial"),
        ("monday", "0001_initial"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_roles, remove_roles)]
