"""Who somebody is and what they may do: tokens, keys, roles, admission."""
