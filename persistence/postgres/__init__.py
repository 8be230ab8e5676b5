"""The stores on PostgreSQL: everything that speaks SQL."""
