"""What keeps a centre going over years: backups, and homes made of them again."""
