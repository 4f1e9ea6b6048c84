"""The holder's wallet: keys and credentials in one encrypted file."""
