"""What would have to change for the assumptions about a fitted function's class and records to hold."""

REMEDIES = {
    "known kind of class": "take the function from a finite class, or average draws from a law G against a fixed law P",
    "class fixed before the data": "fix grid, range, bits, architecture or P before looking, or pay log k for a choice among k",
    "truth known": "generate the problem, so that the conditional means are known; real logs show one outcome a record",
    "labels within range": "raise c_max to the largest cost that can occur, and keep quality labels in [0, 1]",
    "non-adaptive logging": "choose query and model of every record before its label is seen, and keep the record of how",
    "records from known laws": "draw each client's records from the federation's laws, in the numbers it states",
    "functions within range": "clip predictions to [0, 1] and [0, c_max], in the bound and when routing",
    "an estimate for every model": "log every model in the training, or keep the unlogged ones out of the problem",
    "routed by the certified average": "route with the quantised network, or with the average of the draws, not with another",
    "coverage": "log every model wherever the test law has mass, or use the range-aware form",
}
