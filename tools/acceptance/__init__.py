"""The acceptance test: `make acceptance` runs the life of a small application on an installation.

The modules, each of which imports only those below it:

    __main__      arguments and signals
    run           the order: an earlier removal, the test, the removal, the report
    steps         the steps of the test
    removal       ends the operations of the application, and deletes it
    checks        pure comparisons of responses with the expected state
    recorder      collects checks and measures, and prints a line for each
    service       calls of the service, each compared with the contract
    pages         pages of the application, and their requests during a step
    account       the caller's own AWS credentials: changes by hand, logs (optional)
    report        pure functions from results to Markdown and JSON
    results       the results
    options       the options
    state         the record of an application that must be removed
"""
