"""The tables as shapes, by ElectricSQL's HTTP protocol: live copies of what a user may see."""
