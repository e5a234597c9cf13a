"""Who is reminded and who is left out, decided in one place."""
