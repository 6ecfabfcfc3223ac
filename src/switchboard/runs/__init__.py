"""Long work of operators: one at a time, stopped and resumed, taken back."""
