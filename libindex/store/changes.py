"""The log of changes: what whoever keeps a picture of the library in memory has to read again.

Triggers write it (`libindex.store.triggers`), so it is complete whoever writes: in the same
transaction, a row for each content of which something was changed. A row without a content stands
for everything.
"""

from sqlalchemy import Connection, func, select

from libindex.store.schema import changes


def last_change(connection: Connection) -> int:
    """The number of the newest change; 0 if there was none."""
    return int(connection.execute(select(func.max(changes.c.id))).scalar() or 0)


def changed_since(connection: Connection, number: int, limit: int) -> set[int] | None:
    """Contents of which something was changed after a change.

    Parameters
    ----------
    connection : Connection
        A transaction.
    number : int
        Of the last change that is known.
    limit : int
        More than so many changes are not read one by one.

    Returns
    -------
    set of int or None
        Ids of contents, of which some may be gone. None if everything has to be read again: the
        log no longer begins after `number`, or there are too many changes.
    """
    first, last = connection.execute(select(func.min(changes.c.id), func.max(changes.c.id))).one()
    if last is None:
        return set() if number == 0 else None
    if last < number or (first > number + 1) or last - number > limit:
        return None
    query = select(changes.c.content_id).where(changes.c.id > number)
    found = set(connection.execute(query).scalars())
    return None if None in found else found
