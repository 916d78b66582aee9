"""Alembic's entry: the engine comes from whoever runs the migration."""

from alembic import context

import app.accounts.models
import app.analytics.models
import app.auth.models
import app.billing.models
import app.campaigns.models
import app.contacts.models
import app.delivery.models
import app.desk.models
import app.moving.models
import app.plans.models
import app.privacy.models
import app.sharing.models
import app.staff.models
import app.tracking.models
import app.trust.models  # noqa: F401
from app.core.db import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    user_module_prefix="app.core.db.",
)
with context.begin_transaction():
    context.run_migrations()
