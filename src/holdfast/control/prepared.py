"""Statements of which Django writes the SQL once: what every upload asks is asked again with other values alone.

Making a queryset's SQL costs ten times what SQLite needs to answer it, and an upload asks some forty things. The models
stay the one description of the tables: a query is written as ever, over values that come later. What a database
answered is never kept (decision 38).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import AutoField, Expression, Field, Model, QuerySet
from django.db.models.query import FlatValuesListIterable, ModelIterable
from django.db.models.sql import DeleteQuery, InsertQuery, UpdateQuery

from holdfast.control.database import connection

Row = TypeVar("Row")
Value = Any  # what a column takes, or a list or tuple of such for `__in`; never None, for SQL has no `= NULL`
Make = Callable[[Sequence[Any]], Any]


class Bound(Expression):
    """A place in a statement for one value, which comes when that is executed."""

    def __init__(self, number: int, item: int = -1) -> None:
        super().__init__()
        self.number = number  # of the argument
        self.item = item  # in the argument, when that is a sequence

    def as_sql(self, compiler: object, connection: object) -> tuple[str, Any]:
        """Itself is the parameter, so that the finished statement says which value goes where."""
        return "%s", [self]

    def of(self, values: Sequence[Value], wrapper: BaseDatabaseWrapper) -> Value:
        """Its value, as the driver takes it."""
        value = values[self.number] if self.item < 0 else values[self.number][self.item]
        return wrapper.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


@dataclass(frozen=True, slots=True)
class _Written:
    """A statement as one engine takes it. `sql` "" is one that no row can meet."""

    sql: str
    places: tuple[Any, ...] = ()  # values, and Bounds where one is to be put in
    converters: tuple[tuple[int, Any, Any], ...] = ()  # column, functions from the driver's value, expression
    make: Make = tuple  # from a row's values what is answered for it


class _Statement(ABC):
    """SQL by engine, and by how many values the sequences among the arguments hold."""

    def __init__(self) -> None:
        self._written: dict[tuple[object, ...], _Written] = {}

    def _find(self, wrapper: BaseDatabaseWrapper, values: Sequence[Value]) -> _Written:
        shape = (wrapper.vendor, *[len(value) if isinstance(value, list | tuple) else -1 for value in values])
        written = self._written.get(shape)
        if written is None:
            bounds = [_bounds(number, value) for number, value in enumerate(values)]
            try:
                written = self._write(wrapper, bounds)
            except EmptyResultSet:
                written = _Written("")
            self._written[shape] = written
        return written

    @abstractmethod
    def _write(self, wrapper: BaseDatabaseWrapper, bounds: Sequence[Any]) -> _Written:
        """Have Django write it, over places for values. Raises EmptyResultSet when no row can meet it."""


class Prepared(_Statement, Generic[Row]):
    """A query: rows of a model, or of `values_list` over its and its relations' columns."""

    def __init__(self, build: Callable[..., QuerySet[Any, Row]]) -> None:
        super().__init__()
        self._build = build

    def all(self, *values: Value) -> list[Row]:
        """Every row."""
        wrapper = connection()
        written = self._find(wrapper, values)
        return [written.make(_converted(row, written, wrapper)) for row in _fetch(written, values, wrapper)]

    def raw(self, *values: Value) -> list[Any]:
        """Every row as the driver gives it, past Django's converters: for rows by the ten thousand."""
        wrapper = connection()
        return _fetch(self._find(wrapper, values), values, wrapper)

    def first(self, *values: Value) -> Row | None:
        """The first row, None when there is none. A query that several rows meet says which comes first."""
        found = self.all(*values)
        return found[0] if found else None

    def first_that(self, fits: Callable[[Any], bool], *values: Value) -> Row | None:
        """The first row if its first column fits, which is asked with None where there is no row.

        A row that does not fit is not converted, so that it takes hardly longer than none.
        """
        wrapper = connection()
        written = self._find(wrapper, values)
        rows = _fetch(written, values, wrapper)
        is_fit = fits(rows[0][0] if rows else None)
        return written.make(_converted(rows[0], written, wrapper)) if rows and is_fit else None

    def any(self, *values: Value) -> bool:
        """True when a row meets the query."""
        return bool(self.all(*values))

    def _write(self, wrapper: BaseDatabaseWrapper, bounds: Sequence[Any]) -> _Written:
        queryset = self._build(*bounds)
        compiler = queryset.query.get_compiler(connection=wrapper)
        sql, places = compiler.as_sql()
        columns = [column[0] for column in compiler.select]
        converters = tuple((place, *pair) for place, pair in sorted(compiler.get_converters(columns).items()))
        return _Written(sql, tuple(places), converters, _make_of(queryset, columns))


class PreparedUpdate(_Statement):
    """An UPDATE: the rows of a query over one table, and the columns that change."""

    def __init__(self, build: Callable[..., tuple[QuerySet[Any], Mapping[str, Any]]]) -> None:
        super().__init__()
        self._build = build

    def __call__(self, *values: Value) -> int:
        """How many rows were met."""
        return _execute(self, values)

    def _write(self, wrapper: BaseDatabaseWrapper, bounds: Sequence[Any]) -> _Written:
        queryset, columns = self._build(*bounds)
        query: Any = queryset.query.chain(UpdateQuery)
        query.add_update_values(dict(columns))
        sql, places = query.get_compiler(connection=wrapper).as_sql()
        return _Written(sql, tuple(places))


class PreparedDelete(_Statement):
    """A DELETE from a table whose rows no other refers to: nothing cascades here."""

    def __init__(self, build: Callable[..., QuerySet[Any]]) -> None:
        super().__init__()
        self._build = build

    def __call__(self, *values: Value) -> int:
        """How many rows were deleted."""
        return _execute(self, values)

    def _write(self, wrapper: BaseDatabaseWrapper, bounds: Sequence[Any]) -> _Written:
        queryset = self._build(*bounds)
        assert not queryset.model._meta.related_objects, "rows refer to it"
        sql, places = queryset.query.chain(DeleteQuery).get_compiler(connection=wrapper).as_sql()
        return _Written(sql, tuple(places))


@dataclass(frozen=True, slots=True)
class _Insert:
    """The INSERT of one model as one engine takes it."""

    sql: str
    fields: "tuple[Field[Any, Any], ...]"
    key: "Field[Any, Any] | None"  # the one that the database gives
    returns_key: bool


_inserts: dict[tuple[type[Model], str], _Insert] = {}


def insert(row: Model) -> None:
    """Insert a new row; a key that the database gives is on it afterwards. Our models listen to no signals."""
    wrapper = connection()
    model = type(row)
    written = _inserts.get((model, wrapper.vendor))
    if written is None:
        written = _inserts[model, wrapper.vendor] = _write_insert(model, wrapper)
    values = [field.get_db_prep_save(field.pre_save(row, True), wrapper) for field in written.fields]
    with wrapper.cursor() as cursor:
        cursor.execute(written.sql, values)
        if written.key is not None:
            table, column = model._meta.db_table, str(written.key.column)
            key = cursor.fetchone()[0] if written.returns_key else wrapper.ops.last_insert_id(cursor, table, column)
            setattr(row, written.key.attname, key)
    row._state.adding, row._state.db = False, wrapper.alias


def _write_insert(model: type[Model], wrapper: BaseDatabaseWrapper) -> _Insert:
    fields = [field for field in model._meta.local_concrete_fields if not isinstance(field, AutoField)]
    key = model._meta.pk if isinstance(model._meta.pk, AutoField) else None
    blank = model()
    for number, field in enumerate(fields):
        blank.__dict__[field.attname] = Bound(number)
    query = InsertQuery(model)
    query.insert_values(fields, [blank])
    compiler: Any = query.get_compiler(connection=wrapper)
    returns_key = key is not None and wrapper.features.can_return_columns_from_insert
    compiler.returning_fields = [key] if returns_key else None
    ((sql, places),) = compiler.as_sql()
    assert [place.number for place in places] == list(range(len(fields))), places
    return _Insert(sql, tuple(fields), key, returns_key)


def _execute(statement: _Statement, values: Sequence[Value]) -> int:
    wrapper = connection()
    written = statement._find(wrapper, values)
    if not written.sql:
        return 0
    with wrapper.cursor() as cursor:
        cursor.execute(written.sql, _parameters(written, values, wrapper))
        return int(cursor.rowcount)


def _fetch(written: _Written, values: Sequence[Value], wrapper: BaseDatabaseWrapper) -> list[Any]:
    if not written.sql:
        return []
    with wrapper.cursor() as cursor:
        cursor.execute(written.sql, _parameters(written, values, wrapper))
        return list(cursor.fetchall())


def _bounds(number: int, value: Value) -> Bound | list[Bound]:
    if isinstance(value, list | tuple):
        return [Bound(number, item) for item in range(len(value))]
    return Bound(number)


def _parameters(written: _Written, values: Sequence[Value], wrapper: BaseDatabaseWrapper) -> list[Any]:
    return [place.of(values, wrapper) if isinstance(place, Bound) else place for place in written.places]


def _converted(row: Sequence[Any], written: _Written, wrapper: BaseDatabaseWrapper) -> Sequence[Any]:
    """The driver's values as the fields' own."""
    if not written.converters:
        return row
    made = list(row)
    for place, functions, expression in written.converters:
        for function in functions:
            made[place] = function(made[place], expression, wrapper)
    return made


def _make_of(queryset: QuerySet[Any, Any], columns: Sequence[Any]) -> Make:
    """How a row of this query becomes what the queryset would have given."""
    assert not queryset.query.select_related, "related rows are asked for by their columns"
    kind = queryset._iterable_class
    if kind is ModelIterable:
        model, names = queryset.model, [column.target.attname for column in columns]
        return lambda row: model.from_db(queryset.db, names, row)
    if kind is FlatValuesListIterable:
        return lambda row: row[0]
    return tuple
