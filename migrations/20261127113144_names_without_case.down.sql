drop function name_key(text);
