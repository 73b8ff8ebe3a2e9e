"""How segments behave: rhythm, funnel, response, carts."""
