"""Views: operations, inventory and plans as JSON. Members without a value are left out."""
