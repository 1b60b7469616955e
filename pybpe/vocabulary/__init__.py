"""What merging starts from and comes to, for each kind of vocabulary."""
