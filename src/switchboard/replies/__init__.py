"""What people do with invites that are addressed to them."""
