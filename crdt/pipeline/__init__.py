"""What a pipeline is: values, rows and order, as the tables and the YAML have them."""
