from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ordersite", "0002_roles")]

    operations = [
        migrations.AddField(model_name="workerpulse", name="asked_at", field=models.DateTimeField(null=True)),
        migrations.AlterField(model_name="workerpulse", name="at", field=models.DateTimeField(null=True)),
    ]
