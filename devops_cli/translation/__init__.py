"""The translation of an existing ECS service to a specification.

`account` and `files` read the service as AWS describes it (`facts`). `translate` returns the
document and its notes; it is pure. `members` has the treatment of each member of the shapes of AWS,
`limits` the rules of the service, and `written` the text of the file with the notes as comments.
"""
