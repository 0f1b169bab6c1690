"""Runs the migrations on the connection that ``narratives.store.engine`` passes in."""

from alembic import context

from narratives.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
