"""Who may call: tenants, offices, clients, keys, logins, consents."""
