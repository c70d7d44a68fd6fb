-- An extension with a type of its own, that is there in the hosted database alone.
CREATE TYPE spot;
CREATE FUNCTION spot_in(cstring) RETURNS spot IMMUTABLE STRICT LANGUAGE internal AS 'textin';
CREATE FUNCTION spot_out(spot) RETURNS cstring IMMUTABLE STRICT LANGUAGE internal AS 'textout';
CREATE TYPE spot (INPUT = spot_in, OUTPUT = spot_out, LIKE = text);
