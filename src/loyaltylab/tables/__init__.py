"""What the data mean: schemas, rules, quarantine, pseudonyms, storage."""
