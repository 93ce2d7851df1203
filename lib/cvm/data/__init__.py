"""The data path: contract, reading, checking, the query engine, the sample operator."""
