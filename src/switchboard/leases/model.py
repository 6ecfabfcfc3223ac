from switchboard.errors import Unavailable


class BudgetSpent(Unavailable):
    code = "budget_spent"
    message = "The requests to Google that this minute has are spent. Try again in a minute."
