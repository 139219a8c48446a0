"""What is submitted. Imports step contracts, never step code, and no ML library."""
