from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('monday', '0002_budget'),
    ]

    operations = [
        migrations.AlterField(
            model_name='apicall',
            name='kind',
            field=models.CharField(db_index=True, max_length=40),
        ),
        migrations.AlterField(
            model_name='apicall',
            name='outcome',
            field=models.CharField(db_index=True, max_length=100),
        ),
        migrations.AlterField(
            model_name='apicall',
            name='request_id',
            field=models.CharField(blank=True, db_index=True, max_length=100),
        ),
        migrations.AlterField(
            model_name='apicall',
            name='status',
            field=models.PositiveIntegerField(db_index=True, default=0),
        ),
    ]
