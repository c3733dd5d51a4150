"""Shots with exact truth, built from nothing and rendered with Cycles."""
