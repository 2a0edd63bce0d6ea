"""Staff pages, one file per screen. They show what queries return and call actions; they decide nothing themselves."""
