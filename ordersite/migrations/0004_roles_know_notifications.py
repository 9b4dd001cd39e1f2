from django.contrib.auth.management import create_permissions
from django.db import migrations

from ordersite import roles


def give_rights(apps, schema_editor):
    # Permissions are made after all migrations, and the roles need them now.
    config = apps.get_app_config("staging")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    roles.establish(apps.get_model("auth", "Group"), apps.get_model("auth", "Permission"), later=True)


class Migration(migrations.Migration):

    dependencies = [("ordersite", "0003_unclaimed_canary"), ("staging", "0011_notifications")]

    operations = [migrations.RunPython(give_rights, migrations.RunPython.noop)]
