//! The store: engines, transactions, migrations, leases, audit, credentials.
