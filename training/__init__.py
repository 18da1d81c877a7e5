"""Training on your own people: classifiers, projections, small networks; nothing served is here."""
