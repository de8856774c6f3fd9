"""The git gate reaches no repository, key or command but what is declared, and keeps no refused push."""
