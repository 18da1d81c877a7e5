"""Labelled photos, however they are laid out: folders of people, lists of pairs, LFW."""
