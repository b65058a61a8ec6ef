"""What TorchScript's classes say about operators and values: types, schemas, tags; no compiler."""
