"""p(y | z): closed form first, trained where that beats it."""
