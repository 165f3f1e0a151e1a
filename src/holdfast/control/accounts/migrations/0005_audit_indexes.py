"""Events of the audit trail are found by what they were done to and by who did them. Only adds."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_audit_chain")]

    operations = [
        migrations.AlterField("auditevent", "subject", models.CharField(db_index=True, max_length=500)),
        migrations.AddIndex("auditevent", models.Index(fields=["actor", "id"], name="audit_by_actor")),
    ]
