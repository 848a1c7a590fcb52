"""The SQLite database: tables, connections, migrations, locks."""
