alter table notes drop column body;
