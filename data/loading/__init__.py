"""What the ETL writes into an edition: its rows, what was delivered, and the code lists."""
