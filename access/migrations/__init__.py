"""How the operations store came to its tables: one file a revision, in the order of their numbers.

A revision that was released is never changed. To change a table: change its declaration, then write
the next file beside the others, as a sequence of alembic's operations that works on SQLite and on
PostgreSQL and names no table object of the program's, for those go on changing. The tests of the
schema fail until both say the same."""
