"""What happens to members: roles, removal, leaving, ownership, joining by domain."""
