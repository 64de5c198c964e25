alter function name_key(text) cost 100;
