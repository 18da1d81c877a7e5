"""What each address promises, in the code beside it: scope, parameters, bodies, answers."""
